"""The verbs on packet rules, for test_verbs.py: what both forms of each do, and what both refuse."""

from __future__ import annotations

from labrunner.action import Action
from labrunner.actions.add_chain import AddChain
from labrunner.actions.add_rule import AddRule
from labrunner.actions.delete_rule import DeleteRule
from labrunner.actions.publish_port import PublishPort
from labrunner.actions.set_policy import SetPolicy

C1 = "ip netns add c1; "
NO_NETNS = "there is no /run/netns/c9"
MINE = "iptables -N MINE; "
RULES = "iptables -A FORWARD -i br0 -j ACCEPT; iptables -A FORWARD -j DROP; "
LONG = ("iptables -A FORWARD -s 10.2.16.0/20 -d 10.0.0.1 ! -o eth0 -p tcp --dport 80 -m conntrack "
        "--ctstate RELATED,NEW -j ACCEPT")

RULE_EXAMPLES: list[tuple[str, Action]] = [  # what is done before, the action
    ("", AddRule(chain="INPUT", jump="DROP")),
    ("", AddRule(chain="FORWARD", source="10.0.0.0/8", destination="10.2.16.0/20", jump="ACCEPT")),
    ("", AddRule(chain="FORWARD", not_source="10.2.16.0/20", not_destination="10.0.0.1/32", jump="ACCEPT")),
    ("", AddRule(chain="FORWARD", **{"in": "br0"}, out="eth0", protocol="icmp", jump="REJECT")),
    ("", AddRule(chain="FORWARD", not_in="br0", not_out="eth+", protocol="udp", port=53, jump="RETURN")),
    ("", AddRule(chain="FORWARD", state=["new", "related"], jump="ACCEPT")),
    ("", AddRule(chain="OUTPUT", protocol="tcp", port=80, state="invalid", jump="REJECT")),
    (C1, AddRule(chain="OUTPUT", protocol="tcp", jump="REJECT", netns="c1")),
    ("", AddRule(table="nat", chain="PREROUTING", jump="DNAT", to="192.168.0.2")),
    ("", AddRule(table="nat", chain="OUTPUT", protocol="tcp", port=1, jump="DNAT", to="192.168.0.2:65535")),
    ("", AddRule(table="nat", chain="INPUT", jump="SNAT", to="203.0.113.2")),
    ("", AddRule(table="nat", chain="POSTROUTING", protocol="udp", jump="SNAT", to="203.0.113.2:5000")),
    ("", AddRule(table="nat", chain="POSTROUTING", out="eth0", jump="MASQUERADE")),
    *(("", AddRule(table="mangle", chain=chain, jump="ACCEPT"))
      for chain in ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")),
    ("", AddRule(table="raw", chain="PREROUTING", jump="DROP")),
    ("", AddRule(table="raw", chain="OUTPUT", state="new", jump="ACCEPT")),
    (MINE, AddRule(chain="MINE", **{"in": "a"}, out="b", jump="DROP")),
    (MINE, AddRule(chain="FORWARD", jump="MINE")),
    ("", AddRule(chain="INPUT", jump="DROP", at=1)),
    *((RULES, AddRule(chain="FORWARD", protocol="icmp", jump="ACCEPT", at=place)) for place in (1, 2, 3)),
    (RULES, DeleteRule(chain="FORWARD", jump="DROP")),
    (RULES + RULES, DeleteRule(chain="FORWARD", **{"in": "br0"}, jump="ACCEPT")),
    (LONG, DeleteRule(
        chain="FORWARD", source="10.2.16.0/20", destination="10.0.0.1", not_out="eth0", protocol="tcp", port=80,
        state=["new", "related"], jump="ACCEPT")),
    ("iptables -A FORWARD ! -s 10.0.0.0/8 ! -d 10.2.0.0/16 ! -i br0 -o eth0 -j REJECT", DeleteRule(
        chain="FORWARD", not_source="10.0.0.0/8", not_destination="10.2.0.0/16", not_in="br0", out="eth0",
        jump="REJECT")),
    ("iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080", DeleteRule(
        table="nat", chain="PREROUTING", protocol="tcp", port=80, jump="DNAT", to="10.0.0.2:8080")),
    (MINE + "iptables -A MINE -j RETURN", DeleteRule(chain="MINE", jump="RETURN")),
    (C1 + "ip netns exec c1 iptables -A INPUT -j DROP", DeleteRule(chain="INPUT", jump="DROP", netns="c1")),
    ("", AddChain(name="MINE")),
    (MINE, AddChain(name="a.b-c_9")),
    ("", AddChain(name="twenty-eight-letters-in-it-x")),
    ("", AddChain(name="MINE", table="nat")),
    (C1, AddChain(name="MINE", netns="c1")),
    ("", SetPolicy(chain="FORWARD", policy="DROP")),
    ("", SetPolicy(chain="FORWARD", policy="ACCEPT")),
    ("iptables -P FORWARD DROP", SetPolicy(chain="FORWARD", policy="ACCEPT")),
    (RULES, SetPolicy(chain="FORWARD", policy="DROP")),
    ("", SetPolicy(chain="OUTPUT", policy="DROP", table="mangle")),
    ("", SetPolicy(chain="POSTROUTING", policy="ACCEPT", table="nat")),
    (C1, SetPolicy(chain="INPUT", policy="DROP", netns="c1")),
    ("", PublishPort(port=8080, to="192.168.0.2")),
    ("", PublishPort(port=8080, to="192.168.0.2", to_port=80, not_in="br0")),
    ("", PublishPort(port=53, to="192.168.0.2", protocol="udp", address="203.0.113.2")),
    ("", PublishPort(port=8080, to="192.168.0.2", to_port=80, chain="OUTPUT", address="10.0.0.0/8")),
    (C1, PublishPort(port=8080, to="192.168.0.2", netns="c1")),
]

RULES_REFUSED: list[tuple[str, Action, str, str]] = [  # as REFUSED in test_verbs.py
    ("", AddRule(chain="MINE", jump="DROP"), "add the rule -A MINE -j DROP in labhost",
     "the table filter has no chain MINE"),
    (MINE, AddRule(chain="MINE", table="nat", jump="ACCEPT"), "add the rule -t nat -A MINE -j ACCEPT in labhost",
     "the table nat has no chain MINE"),
    ("", AddRule(chain="INPUT", jump="MINE"), "add the rule -A INPUT -j MINE in labhost",
     "the table filter has no chain MINE"),
    (RULES, AddRule(chain="FORWARD", jump="DROP", at=4), "add the rule -I FORWARD 4 -j DROP in labhost",
     "FORWARD has 2 rules, so there is no place 4"),
    ("", AddRule(chain="FORWARD", jump="DROP", at=2), "add the rule -I FORWARD 2 -j DROP in labhost",
     "FORWARD has 0 rules, so there is no place 2"),
    (MINE + "iptables -A INPUT -j MINE", AddRule(chain="MINE", jump="MINE"), "add the rule -A MINE -j MINE in labhost",
     "entered again from within itself"),
    ("nft add table ip filter; nft add chain ip filter INPUT '{ type nat hook input priority 0; }'",
     AddRule(chain="INPUT", jump="DROP"), "add the rule -A INPUT -j DROP in labhost", "there already, of type nat"),
    ("", AddRule(chain="INPUT", jump="DROP", netns="c9"), "add the rule -A INPUT -j DROP in c9", NO_NETNS),
    (RULES, DeleteRule(chain="FORWARD", jump="ACCEPT"), "delete the rule -D FORWARD -j ACCEPT in labhost",
     "FORWARD has no such rule"),
    (RULES, DeleteRule(chain="INPUT", jump="DROP"), "delete the rule -D INPUT -j DROP in labhost",
     "INPUT has no such rule"),
    ("", DeleteRule(chain="MINE", jump="DROP", netns="c9"), "delete the rule -D MINE -j DROP in c9", NO_NETNS),
    (MINE, AddChain(name="MINE"), "add the chain MINE to the table filter in labhost", "has a chain MINE already"),
    ("", AddChain(name="MINE", netns="c9"), "add the chain MINE to the table filter in c9", NO_NETNS),
    ("", SetPolicy(chain="INPUT", policy="DROP", netns="c9"),
     "set the policy of the chain INPUT of the table filter to DROP in c9", NO_NETNS),
    ("", PublishPort(port=80, to="10.0.0.2", netns="c9"),
     "-p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:80 in c9", NO_NETNS),
]
