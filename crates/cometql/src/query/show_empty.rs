//! The columns of those SHOW answers that never have a row here, because the server has none of
//! what they list: replicas, routines, triggers, warnings, …. Names and order are MySQL 8.0's.

use crate::show::Listing;

/// The columns of a listing without rows; none for one that has rows of its own.
pub(super) fn columns(listing: Listing) -> Vec<String> {
    let names = match listing {
        Listing::Warnings | Listing::Errors => "Level,Code,Message",
        Listing::Privileges => "Privilege,Context,Comment",
        Listing::Events => {
            "Db,Name,Definer,Time zone,Type,Execute at,Interval value,Interval field,Starts,Ends,\
             Status,Originator,character_set_client,collation_connection,Database Collation"
        }
        Listing::Triggers => {
            "Trigger,Event,Table,Statement,Timing,Created,sql_mode,Definer,\
             character_set_client,collation_connection,Database Collation"
        }
        Listing::Functions | Listing::Procedures => {
            "Db,Name,Type,Definer,Modified,Created,Security_type,Comment,\
             character_set_client,collation_connection,Database Collation"
        }
        Listing::OpenTables => "Database,Table,In_use,Name_locked",
        Listing::MasterStatus => "File,Position,Binlog_Do_DB,Binlog_Ignore_DB,Executed_Gtid_Set",
        Listing::ReplicaStatus => REPLICA_STATUS,
        Listing::SlaveStatus => return in_older_words(REPLICA_STATUS),
        Listing::Replicas => REPLICAS,
        Listing::SlaveHosts => "Server_Id,Host,Port,Master_Id,Slave_UUID",
        Listing::BinaryLogs => "Log_name,File_size,Encrypted",
        Listing::BinlogEvents => "Log_name,Pos,Event_type,Server_id,End_log_pos,Info",
        Listing::EngineStatus => "Type,Name,Status",
        Listing::Profiles => "Query_ID,Duration,Query",
        Listing::WarningCount
        | Listing::ErrorCount
        | Listing::Engines
        | Listing::CharacterSets
        | Listing::Collations
        | Listing::Plugins
        | Listing::Grants => "",
    };
    names.split(',').map(str::to_owned).collect()
}

const REPLICA_STATUS: &str = "Replica_IO_State,Source_Host,Source_User,Source_Port,Connect_Retry,\
    Source_Log_File,Read_Source_Log_Pos,Relay_Log_File,Relay_Log_Pos,Relay_Source_Log_File,\
    Replica_IO_Running,Replica_SQL_Running,Replicate_Do_DB,Replicate_Ignore_DB,\
    Replicate_Do_Table,Replicate_Ignore_Table,Replicate_Wild_Do_Table,\
    Replicate_Wild_Ignore_Table,Last_Errno,Last_Error,Skip_Counter,Exec_Source_Log_Pos,\
    Relay_Log_Space,Until_Condition,Until_Log_File,Until_Log_Pos,Source_SSL_Allowed,\
    Source_SSL_CA_File,Source_SSL_CA_Path,Source_SSL_Cert,Source_SSL_Cipher,Source_SSL_Key,\
    Seconds_Behind_Source,Source_SSL_Verify_Server_Cert,Last_IO_Errno,Last_IO_Error,\
    Last_SQL_Errno,Last_SQL_Error,Replicate_Ignore_Server_Ids,Source_Server_Id,Source_UUID,\
    Source_Info_File,SQL_Delay,SQL_Remaining_Delay,Replica_SQL_Running_State,\
    Source_Retry_Count,Source_Bind,Last_IO_Error_Timestamp,Last_SQL_Error_Timestamp,\
    Source_SSL_Crl,Source_SSL_Crlpath,Retrieved_Gtid_Set,Executed_Gtid_Set,Auto_Position,\
    Replicate_Rewrite_DB,Channel_Name,Source_TLS_Version,Source_public_key_path,\
    Get_Source_public_key,Network_Namespace";

const REPLICAS: &str = "Server_Id,Host,Port,Source_Id,Replica_UUID";

/// What older monitoring programs look for by name.
fn in_older_words(names: &str) -> Vec<String> {
    let older = names
        .replace("Replica_", "Slave_")
        .replace("Source", "Master")
        .replace("Get_Master", "Get_master");
    older.split(',').map(str::to_owned).collect()
}
