"""``python -m dashboards`` writes everything in ``dashboards/out`` anew."""

from pathlib import Path

from dashboards import fleet, incident, pipeline, rules, system

OUT = Path(__file__).parent / "out"
BOARDS = (fleet.BOARD, pipeline.BOARD, incident.BOARD, system.BOARD)
FILES = {
    **{OUT / "grafana" / f"{board.name}.json": board.as_json for board in BOARDS},
    OUT / "prometheus" / "rules.yml": rules.as_yaml,
}

if __name__ == "__main__":
    for path, made in FILES.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made(), encoding="utf-8")
        print(path.relative_to(OUT.parent.parent))
