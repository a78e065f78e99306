"""A Snowflake account for tests: fakesnow's SQL on DuckDB, behind Snowflake's HTTP interface as we serve it.

What fakesnow 0.12 does, by its own classes and without its own server: DDL and DML in Snowflake's dialect,
types, both kinds of bound values, MERGE, SHOW and DESCRIBE, information_schema, semi-structured values.

What is ours, and follows Snowflake's documentation, whose pages the modules name:

- logins of both connector lines (4.8 and 5.2), their forms checked; tokens that expire and are renewed
  (`logins`, `accounts`);
- queries that take time, in threads: asynchronous ones, their status, results by query id, cancelling in
  four ways, `STATEMENT_TIMEOUT_IN_SECONDS`, a repeated request id, `SYSTEM$WAIT` (`queries`, `app`);
- results in chunks that are fetched by URLs; JSON for all but queries (`results`);
- `QUERY_TAG`, `INFORMATION_SCHEMA.QUERY_HISTORY*`, `RESULT_SCAN`, `LAST_QUERY_ID`, `GENERATOR`, `SEQ4`,
  `CURRENT_*`, division by zero (`history`, `rewriting`);
- several statements in a request (`several`); named transactions, DDL that commits (`transactions`);
- stages, file formats, PUT, GET, LIST, REMOVE (`stages`, `transfers`); COPY INTO a table from CSV, JSON and
  Parquet with a report for each file, ON_ERROR, load history, PURGE, FORCE, MATCH_BY_COLUMN_NAME, queries
  over a stage (`copying`, `loads`, `formats`); COPY INTO a stage as CSV, JSON and Parquet (`unloading`);
- temporary tables with full names (`temporary`); Snowflake's codes and texts of errors (`refusals`);
- faults to order and a record of what was asked (`faults`).

What neither can, so that only a real account shows it:

- A statement that fails within a transaction makes DuckDB refuse the rest until ROLLBACK; Snowflake goes on.
- Within a transaction, a row that another session changed meanwhile is an error (000625); Snowflake waits
  for the other's lock. Statements of their own do wait.
- Statements of one session run one after the other, but for SYSTEM$WAIT.
- Grants, roles, warehouses that are suspended: everything is allowed, and nothing needs a warehouse. Their
  errors can be ordered as faults of kind `answer`. A database and a schema that a login names are made.
- Key pairs' signatures are not checked, nor passwords but for `wrong`; no browser, Okta or workload identity:
  the connectors send attestations to Snowflake's own hosts alone.
- Stages at S3, GCS or Azure, storage integrations, Snowpipe, INFER_SCHEMA, VALIDATION_MODE, dynamic tables,
  procedures and Snowflake Scripting; Avro, ORC and XML. DATE_FORMAT and the like are taken for AUTO.
- Division of integers gives a double, not a NUMBER with six more digits; a column of integers has 64 bits;
  texts are not summed; collations, time zones of sessions and the precision of types are DuckDB's.
- With the older connector PUT says UPLOADED for a file that is there; the file stays as it is, though.
"""
