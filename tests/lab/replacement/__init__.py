"""A world to replace a server in: a host under load, name servers, scripts that make hosts."""
