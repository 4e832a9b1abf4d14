"""Jobs: detached work on a host that outlives every connection (docs/runs.md)."""
