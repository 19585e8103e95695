"""What every room uses and what knows no subject: errors, processes, redaction, files, certificates."""
