"""Questions that need traffic: pings, connections, HTTP."""
