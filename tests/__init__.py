"""Ahead of a package of the same name that torch-fidelity installs beside itself."""
