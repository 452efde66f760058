// JDBC with MariaDB Connector/J; metadata through DatabaseMetaData, as Java tools read it.
// Argument: "text", or "prepared" for prepared statements of the server.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

public class Client {
    static final String PUBLISH = "INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)";
    static final String HOST = System.getenv("COMET_HOST");
    static final String PORT = System.getenv("COMET_PORT");
    static final String USER = System.getenv("COMET_USER");
    static final String KEY = System.getenv("COMET_KEY");
    static final String PIPE = System.getenv("COMET_PIPE");
    static final String TEXT = new String(HexFormat.of().parseHex(System.getenv("COMET_TEXT_HEX")), StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        boolean prepared = arguments[0].equals("prepared");
        Connection connection = connect(prepared);
        var metadata = connection.getMetaData();
        say("version", metadata.getDriverName(), metadata.getDriverVersion());
        say("databases", column(metadata.getCatalogs(), "TABLE_CAT"));
        say("tables", column(metadata.getTables("CometQL_v1", null, "%", new String[] {"TABLE"}), "TABLE_NAME"));
        say("columns", column(metadata.getColumns("CometQL_v1", null, "users_auth", "%"), "COLUMN_NAME"));
        say("primary_key", column(metadata.getPrimaryKeys("CometQL_v1", null, "users_auth"), "COLUMN_NAME"));
        column(metadata.getIndexInfo("CometQL_v1", null, "users_auth", false, true), "INDEX_NAME");
        column(metadata.getImportedKeys("CometQL_v1", null, "users_auth"), "FK_NAME");
        column(metadata.getExportedKeys("CometQL_v1", null, "users_auth"), "FK_NAME");
        column(metadata.getProcedures("CometQL_v1", null, "%"), "PROCEDURE_NAME");
        column(metadata.getFunctions("CometQL_v1", null, "%"), "FUNCTION_NAME");
        column(metadata.getTablePrivileges("CometQL_v1", null, "%"), "TABLE_NAME");
        column(metadata.getTypeInfo(), "TYPE_NAME");

        try (PreparedStatement select = connection.prepareStatement("SELECT * FROM users_time WHERE id IN (?, ?)")) {
            select.setInt(1, 2);
            select.setInt(2, 3);
            ResultSet found = select.executeQuery();
            var description = found.getMetaData();
            say("names", List.of(description.getColumnName(1), description.getColumnLabel(2)));
            List<String> times = new ArrayList<>();
            while (found.next()) times.addAll(List.of(found.getString("id"), found.getString("time")));
            say("times", times);
        }

        publish(connection, "text", TEXT);
        try (PreparedStatement select = connection.prepareStatement("SELECT message FROM pipes_messages WHERE name = ?")) {
            select.setString(1, PIPE);
            String message = column(select.executeQuery(), "message").get(0);
            say("message", HexFormat.of().formatHex(message.getBytes(StandardCharsets.UTF_8)));
        }

        try {
            connection.createStatement().executeQuery("SELECT * FROM no_such_table");
        } catch (SQLException refusal) {
            say("error", String.valueOf(refusal.getErrorCode()), refusal.getSQLState());
        }

        connection.setAutoCommit(false);
        publish(connection, "inside", "committed");
        waitForRunner();
        connection.commit();
        publish(connection, "inside", "undone");
        connection.rollback();
        connection.setAutoCommit(true);
        connection.close();

        connection = connect(prepared);
        if (!connection.isValid(10)) throw new IllegalStateException("the connection is not valid");
        publish(connection, "after", "again");
        connection.close();
        say("done");
    }

    static Connection connect(boolean prepared) throws SQLException {
        if (prepared) {
            return DriverManager.getConnection("jdbc:mariadb://" + HOST + ":" + PORT + "/CometQL_v1?useServerPrepStmts=true", USER, KEY);
        }
        // docs: connect
        Connection connection = DriverManager.getConnection("jdbc:mariadb://" + HOST + ":" + PORT + "/CometQL_v1", USER, KEY);
        // docs: end
        return connection;
    }

    static void publish(Connection connection, String event, String message) throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement(PUBLISH)) {
            insert.setString(1, PIPE);
            insert.setString(2, event);
            insert.setString(3, message);
            insert.executeUpdate();
        }
    }

    static List<String> column(ResultSet found, String name) throws SQLException {
        List<String> values = new ArrayList<>();
        while (found.next()) values.add(found.getString(name));
        return values;
    }

    /** Stops until the runner has seen that nothing uncommitted arrives. */
    static void waitForRunner() throws Exception {
        say("waiting");
        new BufferedReader(new InputStreamReader(System.in)).readLine();
    }

    static void say(String step, List<String> words) {
        say(step, words.toArray(String[]::new));
    }

    static void say(String step, String... words) {
        System.out.println(words.length == 0 ? step : step + "\t" + String.join("\t", words));
    }
}
