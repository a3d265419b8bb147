"""What the console asks for, in the order in which it shows it, however many incidents there are."""

from alembic import op

revision = "0007"
down_revision = "0006"

INDEXES = {
    "incident": {
        "incident_in_order": ["opened_at", "id"],
        "incident_of_pipeline": ["pipeline", "opened_at", "id"],
        "incident_standing": [
            *("pipeline", "resolved_at", "acknowledged_at", "snoozed_until", "fires_at", "version"),
        ],
        "incident_by_monitor": ["monitor", "opened_at", "id"],
    },
    "alarm": {
        "alarm_in_order": ["pipeline", "at", "time", "id"],
        "alarm_in_time": ["pipeline", "time"],
    },
}


def upgrade() -> None:
    """Add the indexes."""
    for table, indexes in INDEXES.items():
        for name, columns in indexes.items():
            op.create_index(name, table, columns)
