<?php
// PHP's mysqli inside TLS; with COMET_CA it insists on that certificate.

declare(strict_types=1);

require __DIR__ . '/../php/steps.php';

$ca = getenv('COMET_CA');
// docs: connect
$comet = mysqli_init();
if ($ca) {
    $comet->options(MYSQLI_OPT_SSL_VERIFY_SERVER_CERT, 1);
    $comet->ssl_set(null, null, $ca, null, null);
}
$comet->real_connect($host, $user, $key, 'CometQL_v1', $port, null, MYSQLI_CLIENT_SSL);
// docs: end
say('tls', $comet->query("SHOW STATUS LIKE 'Ssl_version'")->fetch_row()[1]);
$comet->execute_query(PUBLISH, [$pipe, 'tls', $text]);
