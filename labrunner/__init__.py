"""The conductor: reads a lab, drives a session, tells people. Knows no netlink, no /proc, no runc flags."""

__version__ = "0.1.0"
