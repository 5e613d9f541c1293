"""Traces as other tools' files: pictures for people, JSON for scripts."""
