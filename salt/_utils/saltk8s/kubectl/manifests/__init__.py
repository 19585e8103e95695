"""Manifests: where they come from, how they are read, what identifies an object, in which order objects are written.

sources      files and folders of Salt's file server or of this machine, a web server's files
strict_yaml  YAML as kubectl reads it
manifest     documents become checked, normalised objects of a set
identity     kinds and keys of objects, what is known of built-in kinds
order        waves of writing and of deleting
selectors    label selectors
"""
