# For a new minion: it syncs the pack's modules, which the other formulas need to be rendered.
# `startup_states: sls` with `sls_list: [k8s.sync]` runs this by itself; see docs/install.md.
The modules of saltk8s are on this minion:
  saltutil.sync_all:
    - refresh: true
