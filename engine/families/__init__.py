"""One folder for one way of updating a host, all behind `engine.families.protocol.Family`."""
