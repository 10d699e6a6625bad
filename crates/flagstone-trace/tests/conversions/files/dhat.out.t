{"dhatFileVersion":2
,"mode":"heap","verb":"Allocated"
,"bklt":true,"bkacc":true
,"tu":"instrs","Mtu":"Minstr"
,"tuth":500
,"cmd":"./t"
,"pid":24252
,"te":156077
,"tg":150381
,"pps":
 [{"tb":14000,"tbk":2
  ,"tl":7223
  ,"mb":9000,"mbk":1
  ,"gb":9000,"gbk":1
  ,"eb":0,"ebk":0
  ,"rb":5000,"wb":10000
  ,"fs":[1,2,3]
  }
 ,{"tb":2000,"tbk":20
  ,"tl":2899
  ,"mb":100,"mbk":1
  ,"gb":100,"gbk":1
  ,"eb":0,"ebk":0
  ,"rb":0,"wb":2000
  ,"acc":[-100,20]
  ,"fs":[1,2,4,5]
  }
 ,{"tb":64,"tbk":1
  ,"tl":4723
  ,"mb":0,"mbk":0
  ,"gb":0,"gbk":0
  ,"eb":64,"ebk":1
  ,"rb":0,"wb":64
  ,"acc":[-64,1]
  ,"fs":[1,2,6]
  }
 ]
,"ftbl":
 ["[root]"
 ,"0x48417B4: malloc (in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so)"
 ,"0x109186: leaf (t.c:4)"
 ,"0x1091D1: main (t.c:6)"
 ,"0x1091AD: churn (t.c:5)"
 ,"0x1091E6: main (t.c:6)"
 ,"0x1091F0: main (t.c:6)"
 ]
}
