"""Questions that need traffic: ping."""
