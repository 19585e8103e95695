"""An engine for a test: what ``tests/functional/engine/test_another_engine.py`` puts into a copy of the library."""
