CREATE TABLE "offsets" (
	"topic" text NOT NULL,
	"group" text NOT NULL,
	"partition" integer NOT NULL,
	"offset" bigint NOT NULL,
	CONSTRAINT "offsets_topic_group_partition_pk" PRIMARY KEY("topic","group","partition")
);
