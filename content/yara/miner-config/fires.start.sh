#!/bin/sh
./x -o stratum+tcp://pool.example:3333 -u 44AAA -p x
