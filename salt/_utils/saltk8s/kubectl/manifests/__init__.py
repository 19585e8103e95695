"""Manifests: where they come from, how they are read, what identifies an object, in which order objects are written.

sources      files and folders of Salt's file server or of this machine, a web server's files
documents    a text as YAML or JSON documents, as kubectl takes it apart
strict_yaml  one YAML document, as kubectl reads it
scalars      what a scalar of YAML is for kubectl: text, number, boolean
json_data    what JSON can say
manifest     documents become checked, normalised objects of a set
identity     kinds and keys of objects, what is known of built-in kinds
aggregation  ClusterRoles whose rules are the control plane's
order        waves of writing and of deleting
selectors    label selectors
"""
