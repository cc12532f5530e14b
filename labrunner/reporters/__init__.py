"""Telling people and programs what happens: one form a file. They read events and decide nothing."""
