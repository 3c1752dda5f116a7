SELECT dst, count(dst_port) AS connections, min(src_port) AS lowest, max(src_port) AS highest
FROM connection WHERE dst_port = 443 GROUP BY dst ORDER BY connections DESC LIMIT 10;
