"""How checks find causes: places and commands in words, who shares what, and the way of a packet."""
