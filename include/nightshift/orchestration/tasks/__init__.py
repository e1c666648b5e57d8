"""The tasks of the DAGs, one file per DAG. Each calls one step; figures and references travel between them by XCom."""
