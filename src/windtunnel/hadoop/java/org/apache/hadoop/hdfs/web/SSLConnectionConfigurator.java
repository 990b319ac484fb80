package org.apache.hadoop.hdfs.web;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.security.GeneralSecurityException;
import javax.net.ssl.HttpsURLConnection;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.security.authentication.client.ConnectionConfigurator;
import org.apache.hadoop.security.ssl.SSLFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * In the place of HDFS's own, with which each daemon sets up TLS, root certificates and all, when it starts: here its
 * first HTTPS connection does.
 */
public class SSLConnectionConfigurator implements ConnectionConfigurator {
    private static final Logger LOG = LoggerFactory.getLogger(SSLConnectionConfigurator.class);

    private final int connectTimeout;
    private final int readTimeout;
    private final Configuration configuration;
    private SSLFactory factory;

    SSLConnectionConfigurator(int connectTimeout, int readTimeout, Configuration configuration) {
        this.connectTimeout = connectTimeout;
        this.readTimeout = readTimeout;
        this.configuration = configuration;
    }

    @Override
    public HttpURLConnection configure(HttpURLConnection connection) {
        if (connection instanceof HttpsURLConnection) {
            secure((HttpsURLConnection) connection);
        }
        connection.setConnectTimeout(connectTimeout);
        connection.setReadTimeout(readTimeout);
        return connection;
    }

    private synchronized void secure(HttpsURLConnection connection) {
        try {
            if (factory == null) {
                SSLFactory made = new SSLFactory(SSLFactory.Mode.CLIENT, configuration);
                made.init();
                factory = made;
            }
            connection.setSSLSocketFactory(factory.createSSLSocketFactory());
            connection.setHostnameVerifier(factory.getHostnameVerifier());
        } catch (IOException | GeneralSecurityException error) {
            LOG.warn("ssl-client.xml can't be used; HTTPS goes by Java's own settings.", error);
        }
    }

    synchronized void destroy() {
        if (factory != null) {
            factory.destroy();
        }
    }
}
