package windtunnel;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.service.CompositeService.CompositeServiceShutdownHook;
import org.apache.hadoop.util.GenericOptionsParser;
import org.apache.hadoop.util.Shell;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.hadoop.util.StringUtils;
import org.apache.hadoop.yarn.YarnUncaughtExceptionHandler;
import org.apache.hadoop.yarn.conf.YarnConfiguration;
import org.apache.hadoop.yarn.server.nodemanager.Context;
import org.apache.hadoop.yarn.server.nodemanager.LocalDirsHandlerService;
import org.apache.hadoop.yarn.server.nodemanager.ResourceView;
import org.apache.hadoop.yarn.server.nodemanager.webapp.WebServer;
import org.apache.hadoop.yarn.server.security.ApplicationACLsManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * YARN's NodeManager, which offers its node to the ResourceManager before it makes its web pages.
 *
 * <p>They take a third of its start, and nobody looks at them before a container has run.
 */
public final class NodeManager extends org.apache.hadoop.yarn.server.nodemanager.NodeManager {
    private static final Logger LOG = LoggerFactory.getLogger(NodeManager.class);

    private static final int SHUTDOWN_SECONDS = 30;

    private LatePages pages;

    /** As YARN's own main, which makes no other NodeManager than its own. */
    public static void main(String[] args) throws IOException {
        Thread.setDefaultUncaughtExceptionHandler(new YarnUncaughtExceptionHandler());
        StringUtils.startupShutdownMessage(org.apache.hadoop.yarn.server.nodemanager.NodeManager.class, args, LOG);
        if (!Shell.checkIsBashSupported()) {
            throw new IllegalStateException("A NodeManager needs bash, which runs its containers.");
        }
        Configuration configuration = new YarnConfiguration();
        new GenericOptionsParser(configuration, args);
        NodeManager manager = new NodeManager();
        ShutdownHookManager.get().addShutdownHook(
                new CompositeServiceShutdownHook(manager), SHUTDOWN_HOOK_PRIORITY, SHUTDOWN_SECONDS, TimeUnit.SECONDS);
        manager.init(configuration);
        manager.start();
    }

    @Override
    protected WebServer createWebServer(
            Context context, ResourceView view, ApplicationACLsManager acls, LocalDirsHandlerService folders) {
        pages = new LatePages(context, view, acls, folders);
        return pages;
    }

    @Override
    protected void serviceStart() throws Exception {
        super.serviceStart();
        pages.open();
    }

    /** The web pages at the port that the configuration names, which the ResourceManager is told. */
    private static final class LatePages extends WebServer {
        private boolean open;

        private LatePages(
                Context context, ResourceView view, ApplicationACLsManager acls, LocalDirsHandlerService folders) {
            super(context, view, acls, folders);
        }

        @Override
        protected void serviceStart() throws Exception {
            if (getPort() == 0) { // any free port, which only the open pages know
                open();
            }
        }

        @Override
        public int getPort() {
            return open ? super.getPort() : getConfig().getSocketAddr(
                    YarnConfiguration.NM_BIND_HOST,
                    YarnConfiguration.NM_WEBAPP_ADDRESS,
                    YarnConfiguration.DEFAULT_NM_WEBAPP_ADDRESS,
                    YarnConfiguration.DEFAULT_NM_WEBAPP_PORT).getPort();
        }

        private void open() throws Exception {
            if (!open) {
                super.serviceStart();
                open = true;
            }
        }
    }
}
