<?php
// PHP's PDO inside TLS; without COMET_CA it trusts any certificate.

declare(strict_types=1);

require __DIR__ . '/../php/steps.php';

$ca = getenv('COMET_CA');
// docs: connect
$comet = new PDO("mysql:host=$host;port=$port;dbname=CometQL_v1;charset=utf8mb4", $user, $key, [
    PDO::MYSQL_ATTR_SSL_CA => $ca,
    PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => (bool) $ca,
]);
// docs: end
say('tls', $comet->query("SHOW STATUS LIKE 'Ssl_version'")->fetch(PDO::FETCH_NUM)[1]);
$comet->prepare(PUBLISH)->execute([$pipe, 'tls', $text]);
