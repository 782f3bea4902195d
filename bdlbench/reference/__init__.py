"""What runs are compared with: reference posteriors and control rows."""
