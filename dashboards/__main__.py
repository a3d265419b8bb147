"""``python -m dashboards`` writes everything in ``dashboards/out`` anew."""

from pathlib import Path

from dashboards import pipeline, rules

OUT = Path(__file__).parent / "out"
FILES = {
    OUT / "grafana" / "pipeline.json": pipeline.as_json,
    OUT / "prometheus" / "rules.yml": rules.as_yaml,
}

if __name__ == "__main__":
    for path, made in FILES.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made(), encoding="utf-8")
        print(path.relative_to(OUT.parent.parent))
