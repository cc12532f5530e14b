"""The lab's network: its namespaces, and the verbs that change it."""
