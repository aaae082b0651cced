from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint

from reflexa.memory.schema import metadata


def test_the_tables_are_these() -> None:
    of_runs, of_tasks = {"runs", "claims", "leases", "calls"}, {"tasks", "bodies"}
    of_episodes = {"episodes", "attempts", "steps", "verdicts", "reflections", "recalls"}
    of_training = {"datasets", "dataset_sources", "trainings", "training_steps", "checkpoint_points", "improvements"}
    of_lessons = {"lessons", "lesson_sources", "lesson_versions", "lesson_uses", "embeddings", "retractions"}
    of_judges = {"comparisons"}
    assert set(metadata.tables) == of_runs | of_tasks | of_episodes | of_training | of_lessons | of_judges


def test_what_belongs_to_a_run_is_keyed_by_it() -> None:
    for name in ("episodes", "attempts", "steps", "verdicts", "recalls"):
        assert next(iter(metadata.tables[name].primary_key)).name == "run_id"


def test_every_foreign_key_is_found_by_an_index() -> None:
    """Else each deletion of a parent would read the whole child table."""
    for table in metadata.tables.values():
        starts = [[column.name for column in index.columns] for index in table.indexes]
        starts += [
            [column.name for column in constraint.columns]
            for constraint in table.constraints
            if not isinstance(constraint, ForeignKeyConstraint) and hasattr(constraint, "columns")
        ]
        for key in table.foreign_key_constraints:
            if [column.name for column in key.columns] == ["task_digest"]:
                continue  # tasks are shared and never deleted
            prefix = [column.name for column in key.columns][:2]
            assert any(start[: len(prefix)] == prefix for start in starts), (table.name, prefix)
