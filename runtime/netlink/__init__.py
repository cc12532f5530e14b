"""A thin codec for netlink (RFC 3549, netlink(7)): just what is hot, in a few struct calls a message."""
