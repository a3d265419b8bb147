"""What people watch and what calls them, as Python that writes JSON and YAML into ``dashboards/out``."""
