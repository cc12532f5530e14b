"""Fixtures for the tests of this folder: daemons that have images."""

from tests.engines import docker, place, podman

__all__ = ["docker", "place", "podman"]
