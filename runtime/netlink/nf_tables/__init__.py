"""Packet rules (nf_tables): requests that write them, and a reader that gives one normal form whoever wrote them."""
