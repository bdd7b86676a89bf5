module filedisk

go 1.19
