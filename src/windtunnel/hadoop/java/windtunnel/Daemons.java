package windtunnel;

import java.lang.reflect.InvocationTargetException;
import java.util.Locale;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;
import org.apache.log4j.MDC;
import org.slf4j.LoggerFactory;

/**
 * The daemons of one node in one JVM: {@code Daemons <main class>...}.
 *
 * <p>Each runs as it would by itself, from its own main. When one of them ends, all do: the node is gone.
 */
public final class Daemons {
    static final String DAEMON = "daemon";

    private Daemons() {}

    public static void main(String[] mains) {
        // Threads that begin at once must not both find it missing.
        LoggerFactory.getLogger(Daemons.class);
        // A second source of the JVM's metrics is no error.
        DefaultMetricsSystem.setMiniClusterMode(mains.length > 1);
        for (String main : mains) {
            String name = main.substring(main.lastIndexOf('.') + 1);
            new Thread(() -> run(main, name.toLowerCase(Locale.ROOT)), name).start();
        }
    }

    private static void run(String main, String daemon) {
        MDC.put(DAEMON, daemon); // every thread of the daemon inherits it
        try {
            Class.forName(main).getMethod("main", String[].class).invoke(null, (Object) new String[0]);
        } catch (InvocationTargetException error) {
            end(error.getCause());
        } catch (ReflectiveOperationException | LinkageError error) {
            end(error);
        }
    }

    private static void end(Throwable why) {
        why.printStackTrace();
        System.exit(1);
    }
}
