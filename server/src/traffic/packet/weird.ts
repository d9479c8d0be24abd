/**
 * Conditions that should not be, counted and told as records of the data set `weird`. The names are Zeek's where Zeek
 * has one; the list in content/lookups/traffic-weird.yml says what each means.
 */
export type WeirdName = string

export type ReportWeird = (name: WeirdName, detail?: string) => void
