-- Only what the hunts read is decoded, and references inside a record are looked up in its map.
CREATE TEMP TABLE sighting AS
WITH record AS (FROM RECORDS WHERE type = 'observed-data'
                AND first_observed >= TIMESTAMP '2021-04-01' AND first_observed < TIMESTAMP '2021-04-06'),
     shown AS (SELECT id AS record, first_observed AS seen_at, objects AS o, unnest(map_values(objects)) AS p FROM record)
SELECT record, seen_at, o, p.x_unique_id AS process, p.pid AS pid, p.name AS name, p.command_line AS command_line,
       o[p.parent_ref].x_unique_id AS parent, p.opened_connection_refs AS opened
FROM shown WHERE p.type = 'process';
CREATE TEMP TABLE process AS
SELECT process, any_value(pid) AS pid, any_value(name) AS name, any_value(command_line) AS command_line,
       any_value(parent) AS parent FROM sighting GROUP BY process;
CREATE TEMP TABLE connection AS
WITH opened AS (SELECT record, process, o, unnest(opened) AS key FROM sighting WHERE opened IS NOT NULL)
SELECT record, process, o[key].src_port AS src_port, o[key].dst_port AS dst_port,
       o[o[key].src_ref].value AS src, o[o[key].dst_ref].value AS dst FROM opened;
