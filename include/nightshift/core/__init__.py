"""Pure: values in, values out. No I/O, clock, environment or Airflow."""
