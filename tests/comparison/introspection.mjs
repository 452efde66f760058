// The statements that ask about a server, and the names of the columns that MySQL 8.0 answers with,
// in order. Where MariaDB answers with other names the reason stands beside them.

const STATUS =
  'Name,Engine,Version,Row_format,Rows,Avg_row_length,Data_length,Max_data_length,Index_length,Data_free,' +
  'Auto_increment,Create_time,Update_time,Check_time,Collation,Checksum,Create_options,Comment';
const INDEX =
  'Table,Non_unique,Key_name,Seq_in_index,Column_name,Collation,Cardinality,Sub_part,Packed,Null,Index_type,Comment,' +
  'Index_comment,Visible,Expression';
const FIELDS = 'Field,Type,Null,Key,Default,Extra';
const VARIABLES = 'Variable_name,Value';
const PROCESSES = 'Id,User,Host,db,Command,Time,State,Info';
const PROBLEMS = 'Level,Code,Message';
const EVENTS =
  'Db,Name,Definer,Time zone,Type,Execute at,Interval value,Interval field,Starts,Ends,Status,Originator,' +
  'character_set_client,collation_connection,Database Collation';
const TRIGGERS =
  'Trigger,Event,Table,Statement,Timing,Created,sql_mode,Definer,character_set_client,collation_connection,Database Collation';
const ROUTINES =
  'Db,Name,Type,Definer,Modified,Created,Security_type,Comment,character_set_client,collation_connection,Database Collation';
const REPLICA =
  'Replica_IO_State,Source_Host,Source_User,Source_Port,Connect_Retry,Source_Log_File,Read_Source_Log_Pos,Relay_Log_File,' +
  'Relay_Log_Pos,Relay_Source_Log_File,Replica_IO_Running,Replica_SQL_Running,Replicate_Do_DB,Replicate_Ignore_DB,' +
  'Replicate_Do_Table,Replicate_Ignore_Table,Replicate_Wild_Do_Table,Replicate_Wild_Ignore_Table,Last_Errno,Last_Error,' +
  'Skip_Counter,Exec_Source_Log_Pos,Relay_Log_Space,Until_Condition,Until_Log_File,Until_Log_Pos,Source_SSL_Allowed,' +
  'Source_SSL_CA_File,Source_SSL_CA_Path,Source_SSL_Cert,Source_SSL_Cipher,Source_SSL_Key,Seconds_Behind_Source,' +
  'Source_SSL_Verify_Server_Cert,Last_IO_Errno,Last_IO_Error,Last_SQL_Errno,Last_SQL_Error,Replicate_Ignore_Server_Ids,' +
  'Source_Server_Id,Source_UUID,Source_Info_File,SQL_Delay,SQL_Remaining_Delay,Replica_SQL_Running_State,' +
  'Source_Retry_Count,Source_Bind,Last_IO_Error_Timestamp,Last_SQL_Error_Timestamp,Source_SSL_Crl,Source_SSL_Crlpath,' +
  'Retrieved_Gtid_Set,Executed_Gtid_Set,Auto_Position,Replicate_Rewrite_DB,Channel_Name,Source_TLS_Version,' +
  'Source_public_key_path,Get_Source_public_key,Network_Namespace';

const REPLICA_IN_OLDER_WORDS = REPLICA.replaceAll('Replica_', 'Slave_').replaceAll('Source', 'Master').replace('Get_M', 'Get_m');

const MORE_THERE = 'MariaDB has more columns at the end';
const INVISIBLE = 'MariaDB says Ignored where MySQL says Visible and Expression';
const PADDING = 'MariaDB does not tell how a collation pads';
const GTID = 'MySQL tells of its own kind of transaction ids';
const NOT_THERE = 'MariaDB does not have this statement, or not this table';
const NO_LOG = 'MariaDB refuses this without a binary log, which its tests do not start';
const WORDS = 'MariaDB keeps the older words';

/** Statement, MySQL's columns, and why MariaDB's differ, if they do. */
export const SHOWS = [
  ['SHOW DATABASES', 'Database'],
  ['SHOW SCHEMAS', 'Database'],
  ["SHOW DATABASES LIKE 'Comet%'", 'Database (Comet%)'],
  ['SHOW TABLES', 'Tables_in_CometQL_v1'],
  ["SHOW TABLES LIKE 'users_au%'", 'Tables_in_CometQL_v1 (users_au%)'],
  ['SHOW FULL TABLES', 'Tables_in_CometQL_v1,Table_type'],
  ['SHOW TABLES FROM CometQL_v1', 'Tables_in_CometQL_v1'],
  ['SHOW FULL TABLES FROM information_schema', 'Tables_in_information_schema,Table_type'],
  ['SHOW TABLE STATUS', STATUS, MORE_THERE],
  ["SHOW TABLE STATUS FROM CometQL_v1 LIKE 'users%'", STATUS, MORE_THERE],
  ['SHOW COLUMNS FROM users_auth', FIELDS],
  ['SHOW FIELDS FROM users_auth IN CometQL_v1', FIELDS],
  ["SHOW COLUMNS FROM users_auth LIKE 'h%'", FIELDS],
  ['SHOW FULL COLUMNS FROM users_auth', 'Field,Type,Collation,Null,Key,Default,Extra,Privileges,Comment'],
  ['DESCRIBE users_auth', FIELDS],
  ['DESC users_auth hash', FIELDS],
  ['EXPLAIN users_auth', FIELDS],
  ['SHOW INDEX FROM users_auth', INDEX, INVISIBLE],
  ['SHOW INDEXES IN users_auth', INDEX, INVISIBLE],
  ['SHOW KEYS FROM users_auth', INDEX, INVISIBLE],
  ['SHOW CREATE TABLE users_auth', 'Table,Create Table'],
  ['SHOW CREATE DATABASE CometQL_v1', 'Database,Create Database'],
  ['SHOW CREATE SCHEMA CometQL_v1', 'Database,Create Database'],
  ['SHOW VARIABLES', VARIABLES],
  ["SHOW SESSION VARIABLES LIKE 'lower_case_table_names'", VARIABLES],
  ["SHOW GLOBAL VARIABLES WHERE Variable_name = 'port'", VARIABLES],
  ['SHOW STATUS', VARIABLES],
  ["SHOW SESSION STATUS LIKE 'Ssl_cipher'", VARIABLES],
  ["SHOW GLOBAL STATUS WHERE Variable_name = 'Uptime'", VARIABLES],
  ['SHOW PROCESSLIST', PROCESSES, MORE_THERE],
  ['SHOW FULL PROCESSLIST', PROCESSES, MORE_THERE],
  ['SHOW WARNINGS', PROBLEMS],
  ['SHOW WARNINGS LIMIT 5', PROBLEMS],
  ['SHOW ERRORS', PROBLEMS],
  ['SHOW COUNT(*) WARNINGS', '@@session.warning_count'],
  ['SHOW COUNT(*) ERRORS', '@@session.error_count'],
  ['SHOW ENGINES', 'Engine,Support,Comment,Transactions,XA,Savepoints'],
  ['SHOW STORAGE ENGINES', 'Engine,Support,Comment,Transactions,XA,Savepoints'],
  ['SHOW ENGINE INNODB STATUS', 'Type,Name,Status'],
  ['SHOW CHARSET', 'Charset,Description,Default collation,Maxlen'],
  ["SHOW CHARACTER SET LIKE 'utf8mb4'", 'Charset,Description,Default collation,Maxlen'],
  ["SHOW COLLATION WHERE Charset = 'utf8mb4'", 'Collation,Charset,Id,Default,Compiled,Sortlen,Pad_attribute', PADDING],
  ['SHOW PLUGINS', 'Name,Status,Type,Library,License'],
  ['SHOW PRIVILEGES', 'Privilege,Context,Comment'],
  ['SHOW EVENTS FROM CometQL_v1', EVENTS],
  ['SHOW TRIGGERS', TRIGGERS],
  ["SHOW TRIGGERS FROM CometQL_v1 LIKE 'users_auth'", TRIGGERS],
  ['SHOW FUNCTION STATUS', ROUTINES],
  ["SHOW PROCEDURE STATUS WHERE Db = 'CometQL_v1'", ROUTINES],
  ['SHOW OPEN TABLES', 'Database,Table,In_use,Name_locked'],
  ['SHOW PROFILES', 'Query_ID,Duration,Query'],
  ['SHOW MASTER STATUS', 'File,Position,Binlog_Do_DB,Binlog_Ignore_DB,Executed_Gtid_Set', GTID],
  ['SHOW BINARY LOG STATUS', 'File,Position,Binlog_Do_DB,Binlog_Ignore_DB,Executed_Gtid_Set', NOT_THERE],
  ['SHOW BINARY LOGS', 'Log_name,File_size,Encrypted', NO_LOG],
  ['SHOW MASTER LOGS', 'Log_name,File_size,Encrypted', NO_LOG],
  ['SHOW BINLOG EVENTS', 'Log_name,Pos,Event_type,Server_id,End_log_pos,Info'],
  ['SHOW REPLICA STATUS', REPLICA, WORDS],
  ['SHOW SLAVE STATUS', REPLICA_IN_OLDER_WORDS, GTID],
  ['SHOW REPLICAS', 'Server_Id,Host,Port,Source_Id,Replica_UUID', NOT_THERE],
  ['SHOW SLAVE HOSTS', 'Server_Id,Host,Port,Master_Id,Slave_UUID', GTID],
];

const COLUMNS =
  'TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,COLUMN_NAME,ORDINAL_POSITION,COLUMN_DEFAULT,IS_NULLABLE,DATA_TYPE,' +
  'CHARACTER_MAXIMUM_LENGTH,CHARACTER_OCTET_LENGTH,NUMERIC_PRECISION,NUMERIC_SCALE,DATETIME_PRECISION,CHARACTER_SET_NAME,' +
  'COLLATION_NAME,COLUMN_TYPE,COLUMN_KEY,EXTRA,PRIVILEGES,COLUMN_COMMENT,GENERATION_EXPRESSION,SRS_ID';
const TABLES =
  'TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,TABLE_TYPE,ENGINE,VERSION,ROW_FORMAT,TABLE_ROWS,AVG_ROW_LENGTH,DATA_LENGTH,' +
  'MAX_DATA_LENGTH,INDEX_LENGTH,DATA_FREE,AUTO_INCREMENT,CREATE_TIME,UPDATE_TIME,CHECK_TIME,TABLE_COLLATION,CHECKSUM,' +
  'CREATE_OPTIONS,TABLE_COMMENT';
const STATISTICS =
  'TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,NON_UNIQUE,INDEX_SCHEMA,INDEX_NAME,SEQ_IN_INDEX,COLUMN_NAME,COLLATION,CARDINALITY,' +
  'SUB_PART,PACKED,NULLABLE,INDEX_TYPE,COMMENT,INDEX_COMMENT,IS_VISIBLE,EXPRESSION';
const VIEWS =
  'TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,VIEW_DEFINITION,CHECK_OPTION,IS_UPDATABLE,DEFINER,SECURITY_TYPE,' +
  'CHARACTER_SET_CLIENT,COLLATION_CONNECTION';
const PLUGINS =
  'PLUGIN_NAME,PLUGIN_VERSION,PLUGIN_STATUS,PLUGIN_TYPE,PLUGIN_TYPE_VERSION,PLUGIN_LIBRARY,PLUGIN_LIBRARY_VERSION,' +
  'PLUGIN_AUTHOR,PLUGIN_DESCRIPTION,PLUGIN_LICENSE,LOAD_OPTION';

/** Tables of information_schema whose columns are not MariaDB's: name, MySQL's columns, why. */
export const TABLES_OF_MYSQL = [
  [
    'SCHEMATA',
    'CATALOG_NAME,SCHEMA_NAME,DEFAULT_CHARACTER_SET_NAME,DEFAULT_COLLATION_NAME,SQL_PATH,DEFAULT_ENCRYPTION',
    'MariaDB has a comment where MySQL has encryption',
  ],
  ['TABLES', TABLES, MORE_THERE],
  ['COLUMNS', COLUMNS, 'MariaDB says IS_GENERATED, and knows no SRS_ID'],
  ['STATISTICS', STATISTICS, INVISIBLE],
  [
    'TABLE_CONSTRAINTS',
    'CONSTRAINT_CATALOG,CONSTRAINT_SCHEMA,CONSTRAINT_NAME,TABLE_SCHEMA,TABLE_NAME,CONSTRAINT_TYPE,ENFORCED',
    'MariaDB does not tell whether one is enforced',
  ],
  ['CHECK_CONSTRAINTS', 'CONSTRAINT_CATALOG,CONSTRAINT_SCHEMA,CONSTRAINT_NAME,CHECK_CLAUSE', 'MariaDB names table and level'],
  ['VIEWS', VIEWS, MORE_THERE],
  ['COLLATIONS', 'COLLATION_NAME,CHARACTER_SET_NAME,ID,IS_DEFAULT,IS_COMPILED,SORTLEN,PAD_ATTRIBUTE', PADDING],
  ['COLLATION_CHARACTER_SET_APPLICABILITY', 'COLLATION_NAME,CHARACTER_SET_NAME', MORE_THERE],
  ['PLUGINS', PLUGINS, MORE_THERE],
  ['PROCESSLIST', 'ID,USER,HOST,DB,COMMAND,TIME,STATE,INFO', MORE_THERE],
  ['KEYWORDS', 'WORD,RESERVED', 'MariaDB does not tell which are reserved'],
  ['COMETWIRE_STATUS', 'SCOPE,VARIABLE_NAME,VARIABLE_VALUE', NOT_THERE],
  ['COMETWIRE_CREATE_TABLE', 'TABLE_SCHEMA,TABLE_NAME,CREATE_STATEMENT', NOT_THERE],
];

/** Tables of information_schema that clients ask for, beside those above. */
export const TABLES_AS_IN_MARIADB = [
  'KEY_COLUMN_USAGE',
  'REFERENTIAL_CONSTRAINTS',
  'ROUTINES',
  'PARAMETERS',
  'TRIGGERS',
  'EVENTS',
  'ENGINES',
  'CHARACTER_SETS',
  'PARTITIONS',
  'FILES',
  'USER_PRIVILEGES',
  'SCHEMA_PRIVILEGES',
  'TABLE_PRIVILEGES',
  'COLUMN_PRIVILEGES',
];

/** System variables that clients read (compatibility reference §5.4). */
export const SYSTEM_VARIABLES = [
  'version', 'version_comment', 'max_allowed_packet', 'autocommit', 'tx_isolation', 'transaction_isolation', 'tx_read_only',
  'transaction_read_only', 'sql_mode', 'sql_auto_is_null', 'default_storage_engine', 'character_set_client',
  'character_set_connection', 'character_set_database', 'character_set_results', 'character_set_server',
  'collation_connection', 'collation_database', 'collation_server', 'lower_case_table_names', 'wait_timeout',
  'interactive_timeout', 'net_write_timeout', 'time_zone', 'system_time_zone', 'auto_increment_increment', 'init_connect',
  'license', 'performance_schema', 'query_cache_size', 'query_cache_type', 'sql_select_limit', 'max_connections', 'hostname',
  'port', 'socket', 'protocol_version', 'version_compile_os', 'version_compile_machine', 'lc_messages', 'have_ssl', 'ssl_ca',
  'ssl_cert', 'ssl_cipher', 'ssl_key',
];
