package windtunnel;

import org.apache.log4j.MDC;
import org.apache.log4j.spi.Filter;
import org.apache.log4j.spi.LoggingEvent;
import org.apache.log4j.spi.ThrowableInformation;

/** Keeps what one daemon says, and what no daemon says, in that daemon's log. */
public final class OfDaemon extends Filter {
    private static final String SIGNALS = "Can't re-install the signal handlers.";

    private String daemon;

    public String getDaemon() {
        return daemon;
    }

    public void setDaemon(String daemon) {
        this.daemon = daemon;
    }

    @Override
    public int decide(LoggingEvent event) {
        Object from = MDC.get(Daemons.DAEMON);
        boolean foreign = from != null && !from.equals(daemon);
        return foreign || isOfSignals(event.getThrowableInformation()) ? DENY : NEUTRAL;
    }

    /** The first daemon logs the JVM's signals; the others warn that they can't, with a stack trace. */
    private static boolean isOfSignals(ThrowableInformation thrown) {
        return thrown != null && SIGNALS.equals(thrown.getThrowable().getMessage());
    }
}
