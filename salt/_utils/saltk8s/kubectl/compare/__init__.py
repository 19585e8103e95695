"""What differs between a declared object and the live one: decided locally, then by a server-side dry run.

equality          locally: does the live object equal the declared one?
managed_fields    the trees of fields that tell who owns what, and how the API server merges
server_defaults   what the API server does to values, by kind
ownership         before a write: who owns what, so that it takes away no more than its dry run said
choices           a declared choice, and what may not stand beside it
dry_run           what the API server would store
diff              what differs, field by field, as it may be shown
merge_keys        which field identifies the items of a list, for diff
"""
