Set x=CreateObject("MSXML2.XMLHTTP")
x.open "GET","http://intranet.example/report",False
CreateObject("ADODB.Stream").SaveToFile "report.xml"
