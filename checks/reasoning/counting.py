"""Say what the counters of rules have counted."""

from __future__ import annotations

from runtime.facts.rules import Rule


def told(*rules: Rule) -> str:
    """Return what labrun saw rules count, in words: '3 packets', '0 packets, and 10 before labrun looked'."""
    matched, preset = sum(rule.matched or 0 for rule in rules), sum(rule.preset for rule in rules)
    shown = "1 packet" if matched == 1 else f"{matched} packets"
    return f"{shown}, and {preset} before labrun looked" if preset else shown


def despite(rule: Rule) -> str:
    """Say why a counter above 0 is no evidence; '' where it is 0."""
    return f" (its counter said {rule.preset} before labrun looked, and does not grow)" if rule.preset else ""
