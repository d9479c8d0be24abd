<?php
$name = htmlspecialchars($_POST['name'] ?? '');
echo "Hello $name";
$out = shell_exec('uptime');
