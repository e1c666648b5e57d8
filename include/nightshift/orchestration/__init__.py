"""The only room in include/ that knows Airflow: assets, timetables, tasks, forms, connections. Parsing it is cheap."""
