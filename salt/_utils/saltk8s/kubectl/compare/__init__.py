"""What differs between a declared object and the live one: decided locally, and by a server-side dry run."""
