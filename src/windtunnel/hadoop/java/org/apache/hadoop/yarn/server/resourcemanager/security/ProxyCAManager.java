package org.apache.hadoop.yarn.server.resourcemanager.security;

import org.apache.hadoop.service.AbstractService;
import org.apache.hadoop.yarn.conf.YarnConfiguration;
import org.apache.hadoop.yarn.server.resourcemanager.RMContext;
import org.apache.hadoop.yarn.server.resourcemanager.recovery.RMStateStore.ProxyCAState;
import org.apache.hadoop.yarn.server.resourcemanager.recovery.RMStateStore.RMState;
import org.apache.hadoop.yarn.server.resourcemanager.recovery.Recoverable;
import org.apache.hadoop.yarn.server.webproxy.ProxyCA;

/**
 * In the place of YARN's own, which makes an RSA key and a certificate, with a provider of cryptography that no
 * archive of classes can hold, even where applications have no HTTPS.
 */
public final class ProxyCAManager extends AbstractService implements Recoverable {
    private final ProxyCA proxyCA;
    private final RMContext context;
    private boolean recovered;

    public ProxyCAManager(ProxyCA proxyCA, RMContext context) {
        super(ProxyCAManager.class.getName());
        this.proxyCA = proxyCA;
        this.context = context;
    }

    @Override
    protected void serviceStart() throws Exception {
        if (isNeeded()) {
            if (!recovered) {
                proxyCA.init();
            }
            context.getStateStore().storeProxyCACert(proxyCA.getCaCert(), proxyCA.getCaKeyPair().getPrivate());
        }
        super.serviceStart();
    }

    private boolean isNeeded() {
        String none = YarnConfiguration.DEFAULT_RM_APPLICATION_HTTPS_POLICY;
        return !none.equals(getConfig().get(YarnConfiguration.RM_APPLICATION_HTTPS_POLICY, none));
    }

    public ProxyCA getProxyCA() {
        return proxyCA;
    }

    @Override
    public void recover(RMState state) throws Exception {
        ProxyCAState kept = state.getProxyCAState();
        if (kept.getCaCert() != null && kept.getCaPrivateKey() != null) {
            proxyCA.init(kept.getCaCert(), kept.getCaPrivateKey());
            recovered = true;
        }
    }
}
