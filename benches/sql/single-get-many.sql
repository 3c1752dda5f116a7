SELECT DISTINCT pid, name, command_line FROM process WHERE name = 'svchost.exe' ORDER BY ALL;
